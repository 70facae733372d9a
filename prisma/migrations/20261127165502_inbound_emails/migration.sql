-- Compatible with: 20261127165002_redactions

-- CreateTable
CREATE TABLE "inbound_emails" (
    "id" UUID NOT NULL,
    "number" SERIAL NOT NULL,
    "account_id" UUID NOT NULL,
    "note_id" UUID NOT NULL,
    "note_number" INTEGER NOT NULL,
    "ticket_id" UUID NOT NULL,
    "author_number" INTEGER NOT NULL,
    "message_id" TEXT NOT NULL,
    "sender" TEXT,
    "subject" TEXT NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "inbound_emails_pkey" PRIMARY KEY ("account_id","note_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "inbound_emails_account_id_number_key" ON "inbound_emails"("account_id", "number");

-- CreateIndex
CREATE UNIQUE INDEX "inbound_emails_message_key" ON "inbound_emails"("account_id", "message_id", "ticket_id", "author_number");
