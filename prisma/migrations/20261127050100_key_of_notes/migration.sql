-- Compatible with: 20261126150000_audit_by_month
--
-- The unique index that the foreign key of attachments refers to becomes the primary key, so that there is one index of ids and not two. It
-- exists already, so this changes the catalogue only.
ALTER TABLE "notes"
    DROP CONSTRAINT "notes_pkey",
    ADD CONSTRAINT "notes_pkey" PRIMARY KEY USING INDEX "notes_account_id_id_key";
