-- Compatible with: 20261127100100_versions_of_notes

-- CreateTable
CREATE TABLE "idempotency_keys" (
    "account_id" UUID NOT NULL,
    "key_hash" UUID NOT NULL,
    "input_hash" UUID NOT NULL,
    "ids" UUID[],
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "idempotency_keys_pkey" PRIMARY KEY ("account_id","key_hash")
);

-- CreateIndex
CREATE INDEX "idempotency_keys_created_at_idx" ON "idempotency_keys"("created_at");


-- From here on by hand: what schema.prisma cannot say.

-- Lets the statement that calls it write under a key. It never waits. Raises NK001 if another transaction writes under that key now, and NK002 if one has
-- done so since `kept_since`. Each statement of the function sees what was committed before it, which the statement that calls it may not.
CREATE FUNCTION "claim_idempotency_key"(account UUID, hash UUID, kept_since TIMESTAMPTZ) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    used_at TIMESTAMPTZ;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(hash::text, 0)) THEN
        RAISE EXCEPTION 'a write under this idempotency key is in flight' USING ERRCODE = 'NK001';
    END IF;
    SELECT k.created_at INTO used_at FROM idempotency_keys k WHERE k.account_id = account AND k.key_hash = hash;
    IF used_at > kept_since THEN
        RAISE EXCEPTION 'a write under this idempotency key is done' USING ERRCODE = 'NK002';
    END IF;
    IF used_at IS NOT NULL THEN
        DELETE FROM idempotency_keys k WHERE k.account_id = account AND k.key_hash = hash;
    END IF;
    RETURN true;
END
$$;
