import { Link, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { Icon } from '@/ui/Icon'
import { LiveMark } from './LiveMark'
import { Logo } from './Logo'
import { NavStrip } from './NavStrip'
import { NAV } from './nav'
import { useMayIn } from './organization'
import { PlaceMenu } from './PlaceMenu'
import { useSession } from './SessionGate'
import css from './shell.module.css'
import { UserMenu } from './UserMenu'
import { WaitingCount } from './WaitingCount'

const APPROVALS = '/w/$workspace/p/$project/approvals'

export function SideBar() {
  const params = useParams({ from: '/w/$workspace/p/$project' })
  return (
    <header className={css.side}>
      <Link to="/" className={css.brand} aria-label="Weft, to the start">
        <Logo />
        <span>Weft</span>
      </Link>
      <PlaceMenu />
      <NavStrip label="Project">
        {NAV.map(({ to, label, icon }) => (
          <Link
            key={label}
            to={to}
            params={params}
            className={css.entry}
            activeProps={{ className: css.active }}
          >
            <Icon name={icon} />
            {label}
            {to === APPROVALS && <WaitingCount />}
          </Link>
        ))}
      </NavStrip>
      <div className={css.foot}>
        <Link to="/w/$workspace/stacks" params={params} className={css.entry}>
          <Icon name="stack" />
          Workspace
        </Link>
        <OrganizationLink />
        <LiveMark />
        <UserMenu />
      </div>
    </header>
  )
}

/** To what administrators do, for who may see any of it. */
function OrganizationLink() {
  const { organization } = useSession()
  const may = useMayIn(organization?.name ?? '')
  if (!organization || !may('members.list')) return null
  return (
    <Link
      to="/o/$organization/members"
      params={{ organization: idOf(organization.name) }}
      className={css.entry}
    >
      <Icon name="people" />
      Organization
    </Link>
  )
}
