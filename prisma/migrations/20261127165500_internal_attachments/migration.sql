-- Compatible with: 20261127165002_redactions
--
-- The emails that notes were received as are kept as attachments that only those see who see internal notes.

-- AlterTable
ALTER TABLE "attachments" ADD COLUMN     "is_internal" BOOLEAN NOT NULL DEFAULT false;
