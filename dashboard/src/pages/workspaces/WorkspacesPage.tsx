import { ListWorkspaces, type Workspace } from '@contract/controlplane'
import { Link } from '@tanstack/react-router'
import { useCallback, useMemo, useState } from 'react'
import { idOf } from '@/api/session'
import { useMayHere, useOrganization } from '@/app/organization'
import { usePaged } from '@/app/usePaged'
import { WorkspaceMark } from '@/app/WorkspaceMark'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { Named } from '@/ui/Named'
import { PageHead } from '@/ui/Page'
import { PagedTable } from '@/ui/PagedTable'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import type { Column } from '@/ui/VirtualTable'
import { isHybrid, WorkspaceActions } from './WorkspaceActions'
import { WorkspaceDialogs, type WorkspaceWish } from './WorkspaceDialogs'

const keyOf = (workspace: Workspace) => workspace.name

/** The fleet: every workspace of the organization, how its server is, and what is done with it. */
export function WorkspacesPage() {
  const may = useMayHere()
  const [wish, setWish] = useState<WorkspaceWish>()
  const list = useWorkspaces()
  const columns = useMemo(() => columnsOf(setWish), [])
  useTitle('Workspaces')
  return (
    <>
      <PageHead
        title="Workspaces"
        actions={
          <>
            {may('workspaces.register') && (
              <Button onClick={() => setWish({ act: 'register' })}>Register one that runs elsewhere</Button>
            )}
            {may('workspaces.create') && (
              <Button kind="primary" onClick={() => setWish({ act: 'create' })}>
                <Icon name="plus" /> Create a workspace
              </Button>
            )}
          </>
        }
      />
      <PagedTable
        label="Workspaces"
        list={list}
        columns={columns}
        keyOf={keyOf}
        empty={
          <EmptyState icon="stack" title="No workspaces yet" command="weft workspaces create research">
            <p>A workspace holds the projects of a team, on a server and in a database of its own.</p>
          </EmptyState>
        }
      />
      <WorkspaceDialogs wish={wish} onWish={setWish} />
    </>
  )
}

function useWorkspaces() {
  const { client, name: parent, key } = useOrganization()
  const read = useCallback(
    async (pageToken: string, signal: AbortSignal) => {
      const request = { parent, pageSize: 500, pageToken }
      const page = await client.call(ListWorkspaces, request, { signal })
      return { items: page.workspaces, nextPageToken: page.nextPageToken }
    },
    [client, parent],
  )
  return usePaged([...key, 'fleet'], read)
}

function columnsOf(onWish: (wish: WorkspaceWish) => void): Column<Workspace>[] {
  return [
    {
      id: 'workspace',
      label: 'Workspace',
      width: 'minmax(130px, 1fr)',
      cell: (workspace) => <Title workspace={workspace} />,
    },
    {
      id: 'state',
      label: 'State',
      width: '132px',
      cell: (workspace) => <WorkspaceMark workspace={workspace} />,
    },
    {
      id: 'why',
      label: 'Why',
      width: 'minmax(120px, 1.4fr)',
      cell: ({ stateReason, drift }) => {
        const words = [stateReason, drift].filter(Boolean).join(' ')
        return (
          <span className="quiet" title={words}>
            {words}
          </span>
        )
      },
    },
    { id: 'version', label: 'Version', width: '96px', cell: versionWords },
    {
      id: 'server',
      label: 'Its server',
      width: '120px',
      cell: (workspace) => (isHybrid(workspace) ? 'runs elsewhere' : 'runs here'),
    },
    {
      id: 'runs',
      label: 'Under way',
      width: '92px',
      cell: ({ usage }) => Number(usage?.activeRunCount ?? 0).toLocaleString(),
    },
    {
      id: 'heartbeat',
      label: 'Heartbeat',
      width: '104px',
      cell: ({ lastHeartbeatTime }) => <Ago time={lastHeartbeatTime} />,
    },
    {
      id: 'actions',
      label: 'Actions',
      width: '52px',
      cell: (workspace) => <WorkspaceActions workspace={workspace} onWish={onWish} />,
    },
  ]
}

/** "0.1.0 → 0.2.0" while it should run another one. */
function versionWords({ version, targetVersion }: Workspace): string {
  const isOnItsWay = targetVersion && targetVersion !== version
  return isOnItsWay ? `${version || '–'} → ${targetVersion}` : version
}

function Title({ workspace: { name, displayName } }: { workspace: Workspace }) {
  const id = idOf(name)
  return (
    <Link to="/w/$workspace/health" params={{ workspace: id }} data-row="">
      <Named detail={displayName && id}>{displayName || id}</Named>
    </Link>
  )
}
