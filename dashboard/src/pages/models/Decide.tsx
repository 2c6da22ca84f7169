import {
  ApproveStageRequest,
  DenyStageRequest,
  type StageRequest,
  WithdrawStageRequest,
} from '@contract/workspace'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useMay, useProject } from '@/app/project'
import { useSession } from '@/app/SessionGate'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'
import { TextArea } from '@/ui/TextArea'
import { versionInWords } from './names'
import { stageInWords } from './stages'

type Way = 'Approve' | 'Deny' | 'Withdraw'

/** What one may answer to a request that waits: another's is decided, one's own is taken back. */
export function Decide({ request }: { request: StageRequest }) {
  const may = useMay()
  const { user } = useSession()
  const [way, setWay] = useState<Way>()
  if (request.state !== 'STAGE_REQUEST_STATE_PENDING') return null
  const isOwn = request.creator === user.name
  const ways: Way[] = [
    ...(may('models.approve') && !isOwn ? (['Approve', 'Deny'] as const) : []),
    ...(may('models.update') && isOwn ? (['Withdraw'] as const) : []),
  ]
  return (
    <>
      {ways.map((each) => (
        <Button key={each} size="small" onClick={() => setWay(each)}>
          {each}
        </Button>
      ))}
      {way && <DecideDialog request={request} way={way} onClose={() => setWay(undefined)} />}
    </>
  )
}

type Props = { request: StageRequest; way: Way; onClose: () => void }

function DecideDialog({ request, way, onClose }: Props) {
  const { client } = useProject()
  const { name, modelVersion, stage, comment, demoteExisting } = request
  const decide = useMutation({
    mutationFn: (said: string) => {
      if (way === 'Withdraw') return client.call(WithdrawStageRequest, { name })
      return client.call(way === 'Approve' ? ApproveStageRequest : DenyStageRequest, { name, comment: said })
    },
    onSuccess: onClose,
  })
  return (
    <ConfirmDialog
      isOpen
      onClose={onClose}
      title={`${way}: ${versionInWords(modelVersion)} to ${stageInWords(stage)}`}
      verb={way}
      isDangerous={way === 'Deny'}
      onConfirm={(form) => decide.mutate(String(form.get('comment') ?? '').trim())}
      isBusy={decide.isPending}
      error={decide.error}
    >
      {comment && <blockquote className="quiet">{comment}</blockquote>}
      {demoteExisting && way === 'Approve' && (
        <p className="quiet">The version that is there now goes to Archived, at the same moment.</p>
      )}
      {way === 'Withdraw' ? (
        <p>Nobody decides on it then; you may ask again.</p>
      ) : (
        <TextArea label="Why" name="comment" maxLength={1024} hint="Optional; it stays in the history." />
      )}
    </ConfirmDialog>
  )
}
