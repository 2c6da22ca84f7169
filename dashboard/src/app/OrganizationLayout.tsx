import { Outlet, useNavigate, useParams } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { EmptyState } from '@/ui/EmptyState'
import { MayNote } from './MayNote'
import { OrganizationSideBar } from './OrganizationSideBar'
import { OrganizationProvider, useMayHere } from './organization'
import { ORGANIZATION_NAV } from './organizationNav'
import { PlaceOverlays } from './palette/PlaceOverlays'
import { useSession } from './SessionGate'
import css from './shell.module.css'
import { useGoKeys } from './useShortcuts'

/** Around every page of an organization: what administrators do, outside of any project. */
export function OrganizationLayout() {
  const params = useParams({ from: '/o/$organization' })
  const { organizations } = useSession()
  const organization = organizations.find((each) => idOf(each.name) === params.organization)
  if (!organization)
    return (
      <main>
        <EmptyState icon="people" title="There is no such organization, or you are not a member of it" />
      </main>
    )
  return (
    <OrganizationProvider key={organization.name} of={organization}>
      <Frame />
    </OrganizationProvider>
  )
}

function Frame() {
  const params = useParams({ from: '/o/$organization' })
  const navigate = useNavigate()
  const may = useMayHere()
  const pages = ORGANIZATION_NAV.filter(({ verb }) => may(verb)).map(({ to, label, key }) => ({
    label,
    key,
    go: () => void navigate({ to, params }),
  }))
  useGoKeys(pages, ({ go }) => go())
  return (
    <div className={css.frame}>
      <a className={css.skip} href="#content">
        Skip to the content
      </a>
      <OrganizationSideBar />
      <main id="content" className={css.content} tabIndex={-1}>
        <MayNote may={may} />
        <Outlet />
      </main>
      <PlaceOverlays pages={pages} />
    </div>
  )
}
