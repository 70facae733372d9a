-- Compatible with: 20261127162000_note_edits
--
-- Said so that it can be run again where it was cut off.
ALTER TYPE "AuditAction" ADD VALUE IF NOT EXISTS 'UNDELETED';
