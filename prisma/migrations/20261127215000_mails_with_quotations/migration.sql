-- Compatible with: 20261127204000_score_without_exclusions

-- AlterTable
ALTER TABLE "inbound_emails" ADD COLUMN     "may_quote" BOOLEAN;
