-- Compatible with: 20261126130000_bytes_of_answers
--
-- Said so that it can be run again where it was cut off.
ALTER TYPE "AuditEntity" ADD VALUE IF NOT EXISTS 'TICKET';
