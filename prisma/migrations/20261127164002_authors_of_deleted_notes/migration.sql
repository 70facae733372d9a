-- Compatible with: 20261127162000_note_edits
--
-- Whoever wrote a deleted note stays, as authors of notes do. This is a migration of its own, as each migration here locks one table that requests use.

-- AddForeignKey
ALTER TABLE "deleted_notes" ADD CONSTRAINT "deleted_notes_author_number_fkey" FOREIGN KEY ("author_number") REFERENCES "people"("number") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "withdrawn_notes" ADD CONSTRAINT "withdrawn_notes_author_number_fkey" FOREIGN KEY ("author_number") REFERENCES "people"("number") ON DELETE RESTRICT ON UPDATE CASCADE;
