import { Link, Outlet, useNavigate } from '@tanstack/react-router'
import { Icon } from '@/ui/Icon'
import { ACCOUNT_NAV } from './accountNav'
import { Logo } from './Logo'
import { PlaceOverlays } from './palette/PlaceOverlays'
import css from './shell.module.css'
import { UserMenu } from './UserMenu'
import { useGoKeys } from './useShortcuts'

/** Around every page of one's own account, which belongs to no organization. */
export function AccountLayout() {
  const navigate = useNavigate()
  const pages = ACCOUNT_NAV.map(({ to, label, key }) => ({ label, key, go: () => void navigate({ to }) }))
  useGoKeys(pages, ({ go }) => go())
  return (
    <div className={css.frame}>
      <a className={css.skip} href="#content">
        Skip to the content
      </a>
      <header className={css.side}>
        <Link to="/" className={css.brand} aria-label="Weft, to the start">
          <Logo />
          <span>Weft</span>
        </Link>
        <nav aria-label="Your account" className={css.nav}>
          {ACCOUNT_NAV.map(({ to, label, icon }) => (
            <Link key={to} to={to} className={css.entry} activeProps={{ className: css.active }}>
              <Icon name={icon} />
              {label}
            </Link>
          ))}
        </nav>
        <div className={css.foot}>
          <Link to="/" className={css.entry}>
            <Icon name="left" />
            Projects
          </Link>
          <UserMenu />
        </div>
      </header>
      <main id="content" className={css.content} tabIndex={-1}>
        <Outlet />
      </main>
      <PlaceOverlays pages={pages} />
    </div>
  )
}
