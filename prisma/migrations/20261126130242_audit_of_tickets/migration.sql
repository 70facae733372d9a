-- Said so that it can be run again where it was cut off.
ALTER TYPE "AuditEntity" ADD VALUE IF NOT EXISTS 'TICKET';
