import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { Menu, MenuChoice, MenuLabel } from '@/ui/Menu'
import { LiveMark } from './LiveMark'
import { Logo } from './Logo'
import { NavStrip } from './NavStrip'
import { useProject } from './project'
import { useSession } from './SessionGate'
import css from './shell.module.css'
import { UserMenu } from './UserMenu'
import { useMayInWorkspace } from './workspace'
import { WORKSPACE_NAV } from './workspaceNav'

export function WorkspaceSideBar() {
  const params = useParams({ from: '/w/$workspace' })
  const may = useMayInWorkspace()
  return (
    <header className={css.side}>
      <Link to="/" className={css.brand} aria-label="Weft, to the start">
        <Logo />
        <span>Weft</span>
      </Link>
      <WorkspaceMenu />
      <NavStrip label="Workspace">
        {WORKSPACE_NAV.filter(({ verb }) => !verb || may(verb)).map(({ to, label, icon }) => (
          <Link
            key={label}
            to={to}
            params={params}
            className={css.entry}
            activeProps={{ className: css.active }}
          >
            <Icon name={icon} />
            {label}
          </Link>
        ))}
      </NavStrip>
      <div className={css.foot}>
        <Link to="/" className={css.entry}>
          <Icon name="left" />
          Projects
        </Link>
        <LiveMark />
        <UserMenu />
      </div>
    </header>
  )
}

/** Which workspace is shown, and the way to others. */
function WorkspaceMenu() {
  const { workspaces, organization } = useSession()
  const { workspace, workspaceId } = useProject()
  const navigate = useNavigate()
  const trigger = (
    <Button className={css.place}>
      <span className={css.placeNames}>
        <span className="cut">{workspace.displayName || workspaceId}</span>
        <span className={`cut ${css.placeAbove}`}>
          {organization?.displayName || 'Organization'} / Workspace
        </span>
      </span>
      <Icon name="down" />
    </Button>
  )
  return (
    <Menu trigger={trigger}>
      <MenuLabel>Workspaces</MenuLabel>
      <MenuChoice
        value={workspaceId}
        onChoose={(chosen) => void navigate({ to: '/w/$workspace/stacks', params: { workspace: chosen } })}
        choices={workspaces.map((each) => [idOf(each.name), each.displayName || idOf(each.name)] as const)}
      />
    </Menu>
  )
}
