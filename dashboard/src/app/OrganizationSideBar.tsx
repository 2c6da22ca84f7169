import { Link, useParams } from '@tanstack/react-router'
import { basePath } from '@/api/client'
import { chooseOrganization, idOf } from '@/api/session'
import { Button } from '@/ui/Button'
import { Icon } from '@/ui/Icon'
import { Menu, MenuChoice, MenuLabel } from '@/ui/Menu'
import { Logo } from './Logo'
import { NavStrip } from './NavStrip'
import { useMayHere, useOrganization } from './organization'
import { ORGANIZATION_NAV } from './organizationNav'
import { useSession } from './SessionGate'
import css from './shell.module.css'
import { UserMenu } from './UserMenu'

export function OrganizationSideBar() {
  const params = useParams({ from: '/o/$organization' })
  const may = useMayHere()
  return (
    <header className={css.side}>
      <Link to="/" className={css.brand} aria-label="Weft, to the start">
        <Logo />
        <span>Weft</span>
      </Link>
      <OrganizationMenu />
      <NavStrip label="Organization">
        {ORGANIZATION_NAV.filter(({ verb }) => may(verb)).map(({ to, label, icon }) => (
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
        <UserMenu />
      </div>
    </header>
  )
}

/** Which organization is administered, and the way to others. */
function OrganizationMenu() {
  const { organizations } = useSession()
  const { name, id, displayName } = useOrganization()

  function goTo(chosen: string) {
    chooseOrganization(chosen)
    // All that was read belongs to the other one.
    location.assign(`${basePath()}/o/${idOf(chosen)}/members`)
  }

  const trigger = (
    <Button className={css.place}>
      <span className={css.placeNames}>
        <span className="cut">{displayName || id}</span>
        <span className={`cut ${css.placeAbove}`}>Organization</span>
      </span>
      <Icon name="down" />
    </Button>
  )
  return (
    <Menu trigger={trigger}>
      <MenuLabel>Organizations</MenuLabel>
      <MenuChoice
        value={name}
        onChoose={goTo}
        choices={organizations.map((each) => [each.name, each.displayName || idOf(each.name)] as const)}
      />
    </Menu>
  )
}
