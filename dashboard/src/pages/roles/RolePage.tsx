import { DeleteRole, GetRole, type Role } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { DeleteDialog } from '@/app/DeleteDialog'
import { useMayHere, useOrganization } from '@/app/organization'
import { byNoun, useCatalogue } from '@/app/useRoles'
import { Button } from '@/ui/Button'
import { ErrorPage } from '@/ui/ErrorPage'
import { PageHead } from '@/ui/Page'
import table from '@/ui/table.module.css'
import { UpTitle } from '@/ui/UpTitle'
import { useTitle } from '@/ui/useTitle'
import { RoleDialog } from './RoleDialog'
import css from './roles.module.css'

const route = getRouteApi('/o/$organization/roles/$role')

/** What a role allows. */
export function RolePage() {
  const { role: id } = route.useParams()
  const { client, name, key } = useOrganization()
  const navigate = route.useNavigate()
  const [wish, setWish] = useState<'edit' | 'delete'>()
  const role = useQuery({
    queryKey: [...key, 'role', id],
    queryFn: ({ signal }) => client.call(GetRole, { name: `${name}/roles/${id}` }, { signal }),
  })
  useTitle(role.data?.displayName || id, 'Roles')
  if (role.error && !role.data) return <ErrorPage error={role.error} onRetry={role.refetch} />
  if (!role.data) return <p className={table.aside}>Reading …</p>
  const title = (
    <UpTitle
      up={
        <Link from="/o/$organization/roles/$role" to="/o/$organization/roles">
          Roles
        </Link>
      }
    >
      {role.data.displayName || id}
    </UpTitle>
  )
  return (
    <>
      <PageHead title={title} actions={!role.data.builtIn && <Actions onWish={setWish} />}>
        <p className="quiet">{role.data.description}</p>
      </PageHead>
      <Allowed role={role.data} />
      <RoleDialog
        isOpen={wish === 'edit'}
        onClose={() => setWish(undefined)}
        onDone={() => undefined}
        role={role.data}
      />
      <DeleteDialog
        isOpen={wish === 'delete'}
        onClose={() => setWish(undefined)}
        onDone={() => void navigate({ to: '/o/$organization/roles' })}
        what={`the role ${role.data.displayName || id}`}
        remove={() => client.call(DeleteRole, { name: role.data.name, etag: role.data.etag })}
        scope={key}
        item={['role', id]}
      >
        A role that somebody holds cannot be deleted: take its grants back first.
      </DeleteDialog>
    </>
  )
}

function Actions({ onWish }: { onWish: (wish: 'edit' | 'delete') => void }) {
  const may = useMayHere()
  return (
    <>
      {may('roles.delete') && (
        <Button kind="danger" onClick={() => onWish('delete')}>
          Delete
        </Button>
      )}
      {may('roles.update') && <Button onClick={() => onWish('edit')}>Edit</Button>}
    </>
  )
}

function Allowed({ role }: { role: Role }) {
  const catalogue = useCatalogue()
  const held = new Set(role.permissions)
  const allowed = catalogue.data?.filter(({ permission }) => held.has(permission)) ?? []
  return (
    <div className={css.body}>
      {byNoun(allowed).map(([noun, permissions]) => (
        <section key={noun} className={css.group}>
          <h2>{noun}</h2>
          <dl>
            {permissions.map(({ permission, description }) => (
              <div key={permission} className={css.permission}>
                <dt className="mono">{permission}</dt>
                <dd>{description}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  )
}
