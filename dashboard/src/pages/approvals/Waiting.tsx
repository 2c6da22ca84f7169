import type { RunCondition, StageRequest } from '@contract/workspace'
import { getRouteApi, Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { StepLink } from '@/app/links'
import { useSession } from '@/app/SessionGate'
import { stageInWords, versionInWords } from '@/app/stages'
import { Button } from '@/ui/Button'
import { Icon, type IconName } from '@/ui/Icon'
import { Ago } from '@/ui/Time'
import { exact } from '@/ui/times'
import css from './approvals.module.css'

const route = getRouteApi('/w/$workspace/p/$project/approvals')
/** Says yes or no; absent where the user may not. */
type OnDecide = ((way: 'Approve' | 'Deny') => void) | undefined

/** What a step asks, and which. */
export function Question({ item, onDecide }: { item: RunCondition; onDecide: OnDecide }) {
  const [, , , run = ''] = item.name.split('/')
  return (
    <Waiting icon="bars" title={item.question} onDecide={onDecide}>
      {item.stepId ? (
        <StepLink name={`projects/-/runs/${run}/steps/${item.stepId}`} />
      ) : (
        <RunLink run={run} />
      )}
      <span>
        asked <Ago time={item.createTime} />
      </span>
      {item.expireTime && <span>moot after {exact(item.expireTime)}</span>}
      {!onDecide && item.approvers.length > 0 && <span>only for those whom it names</span>}
    </Waiting>
  )
}

/** Which version is to enter which stage, and why. */
export function Request({ item, onDecide }: { item: StageRequest; onDecide: OnDecide }) {
  const { user } = useSession()
  return (
    <Waiting
      icon="shield"
      title={`${versionInWords(item.modelVersion)} is to enter ${stageInWords(item.stage)}`}
      onDecide={onDecide}
    >
      {item.comment && <span className={css.comment}>“{item.comment}”</span>}
      <span>
        asked <Ago time={item.createTime} />
      </span>
      {item.demoteExisting && <span>the version that is there gives way</span>}
      {item.creator === user.name && <span>you asked: somebody else decides</span>}
    </Waiting>
  )
}

function RunLink({ run }: { run: string }) {
  const params = route.useParams()
  return (
    <Link to="/w/$workspace/p/$project/runs/$run" params={{ ...params, run }} className="mono">
      {run}
    </Link>
  )
}

type Props = { icon: IconName; title: string; onDecide: OnDecide; children: ReactNode }

function Waiting({ icon, title, onDecide, children }: Props) {
  return (
    <li className={css.item}>
      <span className={css.icon}>
        <Icon name={icon} />
      </span>
      <div className={css.words}>
        <h2>{title}</h2>
        <p className={css.facts}>{children}</p>
      </div>
      {onDecide && (
        <div className={css.buttons}>
          <Button aria-label={`Deny: ${title}`} onClick={() => onDecide('Deny')}>
            Deny
          </Button>
          <Button kind="primary" aria-label={`Approve: ${title}`} onClick={() => onDecide('Approve')}>
            Approve
          </Button>
        </div>
      )}
    </li>
  )
}
