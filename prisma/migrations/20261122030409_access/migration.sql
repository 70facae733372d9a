-- CreateEnum
CREATE TYPE "CredentialKind" AS ENUM ('API_KEY', 'OAUTH_CLIENT', 'IDENTITY_LINK');

-- CreateEnum
CREATE TYPE "AuditAction" AS ENUM ('CREATED', 'EDITED', 'DELETED', 'UPLOAD_REQUESTED', 'UPLOAD_ARRIVED', 'REVOKED', 'USED');

-- CreateEnum
CREATE TYPE "AuditEntity" AS ENUM ('NOTE', 'ATTACHMENT', 'API_KEY', 'OAUTH_CLIENT', 'IDENTITY_LINK');

-- AlterTable
ALTER TABLE "api_keys" ADD COLUMN     "every_account" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "last_used_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "oauth_clients" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "every_account" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "oauth_clients_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identity_links" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "person_id" UUID NOT NULL,
    "issuer" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "scopes" TEXT[],
    "every_account" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "identity_links_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "signing_keys" (
    "id" TEXT NOT NULL,
    "active_from" TIMESTAMPTZ(3) NOT NULL,
    "sealed_by" TEXT NOT NULL,
    "sealed_key" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "id" UUID NOT NULL,
    "account_id" UUID NOT NULL,
    "action" "AuditAction" NOT NULL,
    "entity" "AuditEntity" NOT NULL,
    "entity_id" UUID NOT NULL,
    "person_id" UUID,
    "credential_kind" "CredentialKind",
    "credential_id" UUID,
    "address" TEXT,
    "user_agent" TEXT,
    "request_id" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "oauth_clients_hash_key" ON "oauth_clients"("hash");

-- CreateIndex
CREATE INDEX "oauth_clients_account_id_person_id_idx" ON "oauth_clients"("account_id", "person_id");

-- CreateIndex
CREATE INDEX "oauth_clients_account_id_created_at_id_idx" ON "oauth_clients"("account_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "identity_links_account_id_person_id_idx" ON "identity_links"("account_id", "person_id");

-- CreateIndex
CREATE UNIQUE INDEX "identity_links_issuer_subject_key" ON "identity_links"("issuer", "subject");

-- CreateIndex
CREATE UNIQUE INDEX "signing_keys_active_from_sealed_by_key" ON "signing_keys"("active_from", "sealed_by");

-- CreateIndex
CREATE INDEX "audit_events_account_id_created_at_id_idx" ON "audit_events"("account_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "audit_events_account_id_entity_id_created_at_id_idx" ON "audit_events"("account_id", "entity_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "audit_events_account_id_person_id_created_at_id_idx" ON "audit_events"("account_id", "person_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "api_keys_account_id_created_at_id_idx" ON "api_keys"("account_id", "created_at", "id");

-- AddForeignKey
ALTER TABLE "oauth_clients" ADD CONSTRAINT "oauth_clients_account_id_person_id_fkey" FOREIGN KEY ("account_id", "person_id") REFERENCES "memberships"("account_id", "person_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "identity_links" ADD CONSTRAINT "identity_links_account_id_person_id_fkey" FOREIGN KEY ("account_id", "person_id") REFERENCES "memberships"("account_id", "person_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- From here on by hand: what schema.prisma cannot say.
ALTER TABLE "oauth_clients"
    ALTER COLUMN "scopes" SET NOT NULL,
    ADD CONSTRAINT "oauth_clients_hash_check" CHECK (octet_length("hash") = 32),
    ADD CONSTRAINT "oauth_clients_scopes_check" CHECK (cardinality("scopes") > 0 AND array_position("scopes", NULL) IS NULL),
    ADD CONSTRAINT "oauth_clients_expires_at_check" CHECK ("expires_at" > "created_at");

ALTER TABLE "identity_links"
    ALTER COLUMN "scopes" SET NOT NULL,
    ADD CONSTRAINT "identity_links_issuer_check" CHECK ("issuer" ~ '^https?://'),
    ADD CONSTRAINT "identity_links_subject_check" CHECK (char_length("subject") BETWEEN 1 AND 255),
    ADD CONSTRAINT "identity_links_scopes_check" CHECK (cardinality("scopes") > 0 AND array_position("scopes", NULL) IS NULL);

-- A name is shown to people who decide by it which key to revoke.
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_name_check" CHECK (char_length("name") BETWEEN 1 AND 255);
ALTER TABLE "oauth_clients" ADD CONSTRAINT "oauth_clients_name_check" CHECK (char_length("name") BETWEEN 1 AND 255);

-- The audit is written and read, and nothing else. By statement, so that one which would meet no row is refused as well; ALWAYS, so that
-- a session that switches triggers off for replication does not switch off these.
CREATE FUNCTION "audit_events_refuse"() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION 'audit_events is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER "audit_events_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_events"
    FOR EACH STATEMENT EXECUTE FUNCTION "audit_events_refuse"();
ALTER TABLE "audit_events" ENABLE ALWAYS TRIGGER "audit_events_append_only";
REVOKE UPDATE, DELETE, TRUNCATE ON "audit_events" FROM PUBLIC;
