-- Compatible with: 20261126130344_attachment_versions
--
-- A note has the account of its ticket, and an attachment that of its note: the foreign keys over both columns say so. Keys to the account as
-- well only had each insert read and lock the account's row once more.

-- DropForeignKey
ALTER TABLE "attachments" DROP CONSTRAINT "attachments_account_id_fkey";

-- DropForeignKey
ALTER TABLE "notes" DROP CONSTRAINT "notes_account_id_fkey";
