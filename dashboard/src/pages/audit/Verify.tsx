import { type AuditBreak, VerifyAuditChain } from '@contract/controlplane'
import { useMutation } from '@tanstack/react-query'
import type { Client } from '@/api/client'
import { useOrganization } from '@/app/organization'
import { Button } from '@/ui/Button'
import { CopyCommand } from '@/ui/CopyCommand'
import { Dialog } from '@/ui/Dialog'
import form from '@/ui/form.module.css'
import { Note } from '@/ui/Note'

type Verified = { rows: number; signed: string; broken?: AuditBreak | undefined }

/** Asks whether every row stands as it was written. */
export function Verify() {
  const { client, name } = useOrganization()
  const verify = useMutation({ mutationFn: () => verified(client, name) })
  return (
    <>
      <Button isBusy={verify.isPending} onClick={() => verify.mutate()}>
        Verify
      </Button>
      <Dialog isOpen={verify.isSuccess || verify.isError} onClose={verify.reset} title="Is the log whole?">
        <div className={form.form}>
          {verify.error && <Note kind="bad" error={verify.error} />}
          {verify.data && <Answer {...verify.data} />}
          <p className="quiet">
            Whoever would rather not trust this server verifies an export, with keys kept elsewhere:
          </p>
          <CopyCommand command="weft audit verify audit.jsonl --keys keys.json" />
        </div>
      </Dialog>
    </>
  )
}

function Answer({ rows, signed, broken }: Verified) {
  if (broken)
    return (
      <Note kind="bad">
        Row {broken.sequence}: {broken.problem}
      </Note>
    )
  return (
    <Note kind="info">
      {rows.toLocaleString()} rows stand as they were written; a signature vouches for those up to row{' '}
      {Number(signed).toLocaleString()}.
    </Note>
  )
}

/** The whole chain, a call for each part of it. */
async function verified(client: Client, parent: string): Promise<Verified> {
  let rows = 0
  let afterSequence = '0'
  for (;;) {
    const part = await client.call(VerifyAuditChain, { parent, afterSequence })
    rows += Number(part.verifiedCount)
    if (part.broken || part.complete) return { rows, signed: part.signedSequence, broken: part.broken }
    afterSequence = part.lastSequence
  }
}
