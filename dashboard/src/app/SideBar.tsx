import { Link, useParams } from '@tanstack/react-router'
import { Icon } from '@/ui/Icon'
import { LiveMark } from './LiveMark'
import { Logo } from './Logo'
import { NAV } from './nav'
import { PlaceMenu } from './PlaceMenu'
import css from './shell.module.css'
import { UserMenu } from './UserMenu'

export function SideBar() {
  const params = useParams({ from: '/w/$workspace/p/$project' })
  return (
    <header className={css.side}>
      <Link to="/" className={css.brand} aria-label="Weft, to the start">
        <Logo />
        <span>Weft</span>
      </Link>
      <PlaceMenu />
      <nav aria-label="Project" className={css.nav}>
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
          </Link>
        ))}
      </nav>
      <div className={css.foot}>
        <LiveMark />
        <UserMenu />
      </div>
    </header>
  )
}
