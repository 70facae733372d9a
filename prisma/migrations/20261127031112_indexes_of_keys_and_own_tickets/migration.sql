-- Compatible with: 20261126130344_attachment_versions
--
-- A page of the credentials of one person, and of a customer's tickets by the time of their last change, is read in its order. They are made in about a
-- second for each million rows, so writers wait for it.

CREATE INDEX "api_keys_account_id_person_id_created_at_id_idx" ON "api_keys"("account_id", "person_id", "created_at", "id");

CREATE INDEX "oauth_clients_account_id_person_id_created_at_id_idx" ON "oauth_clients"("account_id", "person_id", "created_at", "id");

CREATE INDEX "tickets_account_id_requester_id_updated_at_id_idx" ON "tickets"("account_id", "requester_id", "updated_at", "id");

DROP INDEX "api_keys_account_id_person_id_idx";

DROP INDEX "oauth_clients_account_id_person_id_idx";
