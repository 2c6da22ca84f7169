import type { StageRequest } from '@contract/workspace'
import { Ago } from '@/ui/Time'
import { Decide } from './Decide'
import css from './models.module.css'
import { versionInWords } from './names'
import { stageInWords } from './stages'
import { useStageRequests } from './useModels'
import { Whoever } from './Whoever'

/** What waits for somebody to decide: about a model, or one version of it. */
export function Pending({ model, version = '' }: { model: string; version?: string }) {
  const { items } = useStageRequests(model, 'state = PENDING')
  const isShown = ({ state, modelVersion }: StageRequest) =>
    state === 'STAGE_REQUEST_STATE_PENDING' && (!version || modelVersion === version)
  const shown = items.filter(isShown)
  if (shown.length === 0) return null
  return (
    <ul className={css.requests} aria-label="Waiting requests">
      {shown.map((request) => (
        <li key={request.name} className={css.request}>
          <p>
            <strong>
              {versionInWords(request.modelVersion)} to {stageInWords(request.stage)}
            </strong>
            , asked by <Whoever subject={request.creator} /> <Ago time={request.createTime} />
            {request.comment && `: ${request.comment}`}
          </p>
          <span className={css.answers}>
            <Decide request={request} />
          </span>
        </li>
      ))}
    </ul>
  )
}
