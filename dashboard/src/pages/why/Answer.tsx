import type { EffectiveGrant, EffectivePermissions } from '@contract/controlplane'
import { Link } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { placeInWords } from '@/app/subjects'
import { Mark } from '@/ui/Mark'
import { exact } from '@/ui/times'
import css from './why.module.css'

type Props = { who: string; what: string; answer: EffectivePermissions }

/** What somebody may do, with each grant that gives it. */
export function Answer({ who, what, answer }: Props) {
  const place = placeInWords(answer.resource)
  const isHeld = answer.permissions.length > 0
  const told = what || (isHeld ? `${answer.permissions.length} permissions` : 'nothing')
  return (
    <div className={css.answer}>
      <p className={css.verdict} role="status">
        {what && <Verdict isHeld={isHeld} />}
        <span>
          {who} {isHeld || !what ? 'may' : 'may not'} <strong className="mono">{told}</strong> on {place}.
        </span>
      </p>
      {answer.grants.length > 0 && <Grants grants={answer.grants} />}
      {!what && isHeld && <Permissions answer={answer} />}
    </div>
  )
}

function Verdict({ isHeld }: { isHeld: boolean }) {
  if (isHeld) return <Mark word="Yes" icon="check" tone="good" />
  return <Mark word="No" icon="cross" tone="bad" />
}

function Grants({ grants }: { grants: EffectiveGrant[] }) {
  return (
    <section>
      <h2>Because of</h2>
      <ul className={css.grants}>
        {grants.map((grant) => (
          <li key={grant.roleBinding}>
            <GrantWords grant={grant} />
            {grant.expireTime && <span className="quiet"> until {exact(grant.expireTime)}</span>}
          </li>
        ))}
      </ul>
    </section>
  )
}

function GrantWords({ grant }: { grant: EffectiveGrant }) {
  const role = idOf(grant.role)
  return (
    <>
      the role{' '}
      <Link
        from="/o/$organization/why"
        to="/o/$organization/roles/$role"
        params={{ role }}
        className={css.link}
      >
        {role}
      </Link>{' '}
      on {placeInWords(grant.resource)}
      {grant.team && ', through '}
      {grant.team && (
        <Link
          from="/o/$organization/why"
          to="/o/$organization/teams/$team"
          params={{ team: idOf(grant.team) }}
          className={css.link}
        >
          team {idOf(grant.team)}
        </Link>
      )}
    </>
  )
}

function Permissions({ answer }: { answer: EffectivePermissions }) {
  const grants = new Map(answer.grants.map((grant) => [grant.roleBinding, grant]))
  const roleOf = (binding: string) => {
    const grant = grants.get(binding)
    return grant ? `${idOf(grant.role)} on ${placeInWords(grant.resource)}` : ''
  }
  return (
    <section>
      <h2>All of it</h2>
      <dl>
        {answer.permissions.map(({ permission, roleBindings }) => (
          <div key={permission} className={css.permission}>
            <dt className="mono">{permission}</dt>
            <dd>{[...new Set(roleBindings.map(roleOf))].join(', ')}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
