-- Compatible with: 20261127100100_versions_of_notes
--
-- Said so that it can be run again where it was cut off.
ALTER TYPE "AuditEntity" ADD VALUE IF NOT EXISTS 'PERSON';
