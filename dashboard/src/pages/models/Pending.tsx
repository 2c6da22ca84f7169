import { stageInWords, versionInWords } from '@/app/stages'
import { useWaitingRequests } from '@/app/useWaiting'
import { Ago } from '@/ui/Time'
import { Decide } from './Decide'
import css from './models.module.css'
import { Whoever } from './Whoever'

/** What waits for somebody to decide: about a model, or one version of it. */
export function Pending({ model, version = '' }: { model: string; version?: string }) {
  const { items } = useWaitingRequests(model)
  const shown = items.filter(({ modelVersion }) => !version || modelVersion === version)
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
