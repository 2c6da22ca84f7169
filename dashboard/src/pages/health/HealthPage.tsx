import { GetWorkspace, type Workspace } from '@contract/controlplane'
import {
  GetServerHealth,
  GetServerInfo,
  GetUsage,
  ListPools,
  type ServerInfo,
  type Usage,
} from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { Client } from '@/api/client'
import { useProject } from '@/app/project'
import { WorkspaceMark } from '@/app/WorkspaceMark'
import { useMayInWorkspace } from '@/app/workspace'
import { ErrorPage } from '@/ui/ErrorPage'
import { Fact, Facts } from '@/ui/Facts'
import { Mark } from '@/ui/Mark'
import { Note } from '@/ui/Note'
import { PageHead } from '@/ui/Page'
import { size } from '@/ui/sizes'
import { Ago } from '@/ui/Time'
import { useTitle } from '@/ui/useTitle'
import css from './health.module.css'
import { Pools } from './Pools'
import { Quotas } from './Quotas'
import { Server } from './Server'
import { type Known, warningsOf } from './warnings'

const REFRESH_MS = 10_000

/** How a workspace is: its server, where its runs find room, how much there is in it, and what is wrong. */
export function HealthPage() {
  const { workspaceId } = useProject()
  const { known, isWhole, error, refetch } = useKnown()
  useTitle(`Health of ${workspaceId}`)
  if (error && !known.info) return <ErrorPage error={error} onRetry={refetch} />
  if (!known.info) return <p className={css.loading}>Looking at the workspace …</p>
  return (
    <>
      <PageHead title="Health">
        <Head info={known.info} workspace={known.workspace} usage={known.usage} />
      </PageHead>
      <div className={css.body} tabIndex={0} role="region" aria-label="Health of the workspace">
        {error && (
          <Note kind="warn" error={error}>
            Some of this is as it was: it cannot be read again.
          </Note>
        )}
        <Warnings known={known} isWhole={isWhole} />
        {known.workspace && <Checks workspace={known.workspace} />}
        {known.health && <Server health={known.health} />}
        {known.pools && <Pools pools={known.pools.pools} />}
        {known.usage && <Quotas usage={known.usage} />}
      </div>
    </>
  )
}

/** What servers answer for themselves is in no feed: it is read again every ten seconds. */
function useKnown() {
  const { client, key, workspace } = useProject()
  const may = useMayInWorkspace()
  const [mayPools, mayUsage] = [may('pools.list'), may('usage.get')]
  const info = useQuery({
    queryKey: [...key, 'server-info'],
    queryFn: ({ signal }) => client.call(GetServerInfo, {}, { signal }),
    refetchInterval: REFRESH_MS,
  })
  const registered = useQuery({
    queryKey: [...key, 'registered'],
    queryFn: ({ signal }) => new Client().call(GetWorkspace, { name: workspace.name }, { signal }),
    refetchInterval: REFRESH_MS,
  })
  const pools = useQuery({
    queryKey: [...key, 'pools'],
    queryFn: ({ signal }) => client.call(ListPools, { pageSize: 500 }, { signal }),
    refetchInterval: REFRESH_MS,
    enabled: mayPools,
  })
  const usage = useQuery({
    queryKey: [...key, 'usage'],
    queryFn: ({ signal }) => client.call(GetUsage, {}, { signal }),
    refetchInterval: REFRESH_MS,
    enabled: mayUsage,
  })
  const health = useQuery({
    queryKey: [...key, 'server-health'],
    queryFn: ({ signal }) => client.call(GetServerHealth, {}, { signal }),
    refetchInterval: REFRESH_MS,
    enabled: mayUsage,
  })
  const all = [info, registered, ...(mayPools ? [pools] : []), ...(mayUsage ? [usage, health] : [])]
  const known: Known = {
    info: info.data,
    health: health.data,
    workspace: registered.data,
    pools: pools.data,
    usage: usage.data,
  }
  return {
    known,
    /** Whether all that one may see was read, and is as it is now. */
    isWhole: may.isKnown && all.every((each) => each.isSuccess),
    error: all.find((each) => each.error)?.error,
    refetch: () => all.map((each) => each.refetch()),
  }
}

type HeadProps = { info: ServerInfo; workspace: Workspace | undefined; usage: Usage | undefined }

function Head({ info, workspace, usage }: HeadProps) {
  return (
    <Facts>
      {workspace && (
        <Fact label="State">
          <WorkspaceMark workspace={workspace} />
        </Fact>
      )}
      <Fact label="Version">{info.version}</Fact>
      <Fact label="Oldest client that it serves">{info.minimumClientVersion}</Fact>
      {workspace?.lastHeartbeatTime && (
        <Fact label="Last heartbeat">
          <Ago time={workspace.lastHeartbeatTime} />
        </Fact>
      )}
      {usage && <Fact label="Runs under way">{Number(usage.activeRunCount).toLocaleString()}</Fact>}
      {usage && <Fact label="Runs in all">{Number(usage.runCount).toLocaleString()}</Fact>}
      {usage && <Fact label="Artifacts">{size(usage.artifactBytes)}</Fact>}
      <Fact label="Artifacts lie at">
        <span className="mono" title={info.artifactStoreUri}>
          {info.artifactStoreUri}
        </span>
      </Fact>
    </Facts>
  )
}

function Warnings({ known, isWhole }: { known: Known; isWhole: boolean }) {
  const warnings = warningsOf(known)
  if (warnings.length === 0 && !isWhole)
    return <p className="quiet">Whether anything is wrong is not known yet.</p>
  if (warnings.length === 0) return <Mark word="Nothing is wrong" icon="check" tone="good" />
  return (
    <section className={css.part}>
      <h2>What needs a look</h2>
      <ul className={css.warnings}>
        {warnings.map(({ what, fix }) => (
          <li key={what}>
            <p className={css.what}>{what}</p>
            <p className="quiet">{fix}</p>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** What the server checks about itself, its database among it. */
function Checks({ workspace: { healthChecks } }: { workspace: Workspace }) {
  if (healthChecks.length === 0) return null
  return (
    <section className={css.part}>
      <h2>What its server checks</h2>
      <ul className={css.checks}>
        {healthChecks.map(({ name, healthy, message }) => (
          <li key={name}>
            <Mark word={name} icon={healthy ? 'check' : 'cross'} tone={healthy ? 'good' : 'bad'} />
            <span className="quiet">{message}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}
