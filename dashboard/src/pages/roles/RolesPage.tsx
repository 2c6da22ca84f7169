import type { Role } from '@contract/controlplane'
import { getRouteApi, Link } from '@tanstack/react-router'
import { useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere } from '@/app/organization'
import { useRoles } from '@/app/useRoles'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { RoleDialog } from './RoleDialog'

const route = getRouteApi('/o/$organization/roles')
const keyOf = (role: Role) => role.name
const COLUMNS: Column<Role>[] = [
  { id: 'role', label: 'Role', width: 'minmax(180px, 1fr)', cell: (role) => <RoleLink role={role} /> },
  {
    id: 'description',
    label: 'What for',
    width: 'minmax(220px, 2fr)',
    cell: ({ description }) => <span className="quiet">{description}</span>,
  },
  {
    id: 'permissions',
    label: 'Permissions',
    width: '96px',
    cell: ({ permissions }) => <span className="numbers">{permissions.length}</span>,
  },
  {
    id: 'kind',
    label: 'Made by',
    width: '110px',
    cell: ({ builtIn }) => (builtIn ? 'Weft' : 'Your people'),
  },
]

/** What can be granted: the roles that never change, and those of the organization. */
export function RolesPage() {
  const may = useMayHere()
  const navigate = route.useNavigate()
  const [isCreating, setCreating] = useState(false)
  const list = useRoles()
  useTitle('Roles')
  const goTo = (role: string) =>
    void navigate({ to: '/o/$organization/roles/$role', params: (now) => ({ ...now, role }) })
  const create = may('roles.create') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      <Icon name="plus" /> Create a role
    </Button>
  )
  return (
    <>
      <PageHead title="Roles" actions={create} />
      <PagedTable
        label="Roles"
        list={list}
        columns={COLUMNS}
        keyOf={keyOf}
        onOpen={({ name }) => goTo(idOf(name))}
        empty={<EmptyState icon="shield" title="No roles" />}
      />
      <RoleDialog isOpen={isCreating} onClose={() => setCreating(false)} onDone={goTo} roles={list.items} />
    </>
  )
}

function RoleLink({ role }: { role: Role }) {
  const id = idOf(role.name)
  return (
    <Link from="/o/$organization/roles" to="/o/$organization/roles/$role" params={{ role: id }} data-row>
      <Named detail={role.displayName && id}>{role.displayName || id}</Named>
    </Link>
  )
}
