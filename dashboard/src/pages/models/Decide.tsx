import type { StageRequest } from '@contract/workspace'
import { useState } from 'react'
import { DecisionDialog, type Way } from '@/app/DecisionDialog'
import { useMay } from '@/app/project'
import { useSession } from '@/app/SessionGate'
import { useMayDecide } from '@/app/useMayDecide'
import { Button } from '@/ui/Button'

/** What one may answer to a request that waits: another's is decided, one's own is taken back. */
export function Decide({ request }: { request: StageRequest }) {
  const may = useMay()
  const mayDecide = useMayDecide()
  const { user } = useSession()
  const [way, setWay] = useState<Way>()
  if (request.state !== 'STAGE_REQUEST_STATE_PENDING') return null
  const ways: Way[] = [
    ...(mayDecide.request(request) ? (['Approve', 'Deny'] as const) : []),
    ...(may('models.update') && request.creator === user.name ? (['Withdraw'] as const) : []),
  ]
  return (
    <>
      {ways.map((each) => (
        <Button key={each} size="small" onClick={() => setWay(each)}>
          {each}
        </Button>
      ))}
      {way && <DecisionDialog decision={{ request, way }} onClose={() => setWay(undefined)} />}
    </>
  )
}
