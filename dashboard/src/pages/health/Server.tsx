import type { ServerHealth, WaitingLine } from '@contract/workspace'
import { Fact, Facts } from '@/ui/Facts'
import { size } from '@/ui/sizes'
import { Ago } from '@/ui/Time'
import css from './health.module.css'

/** The servers that are alive, their database, and what waits for somebody. */
export function Server({ health }: { health: ServerHealth }) {
  const { replicas, lastBackup, unshippedAuditRowCount: unshipped } = health
  return (
    <section className={css.part}>
      <h2>Its servers and database</h2>
      <Facts>
        <Fact label="Database">
          {health.database} {health.databaseVersion}
        </Fact>
        <Fact label="Schema">{health.schemaRevision}</Fact>
        <Fact label="Runs that wait">
          <Line line={health.waitingRuns} />
        </Fact>
        <Fact label="Builds that wait">
          <Line line={health.waitingBuilds} />
        </Fact>
        <Fact label="Silent runs">
          {Number(health.unresponsiveRunCount).toLocaleString()} of{' '}
          {Number(health.activeRunCount).toLocaleString()}
        </Fact>
        <Fact label="Oldest sign of life of a runner">
          {health.oldestHeartbeatTime ? <Ago time={health.oldestHeartbeatTime} /> : 'no runner speaks'}
        </Fact>
        <Fact label="Audit rows to ship">{unshipped ? Number(unshipped).toLocaleString() : 'unknown'}</Fact>
        <Fact label="Last backup">{lastBackup?.time ? <Ago time={lastBackup.time} /> : 'none is known'}</Fact>
        <Fact label="Room on its disk">
          {size(health.freeDiskBytes)} of {size(health.totalDiskBytes)}
        </Fact>
      </Facts>
      <ul className={css.checks} aria-label="Servers that are alive">
        {replicas.map(({ uid, version, startTime, seenTime }) => (
          <li key={uid}>
            <span>
              Version {version}, started <Ago time={startTime} />
            </span>
            <span className="quiet">
              seen <Ago time={seenTime} />
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Line({ line }: { line: WaitingLine | undefined }) {
  return (
    <>
      {Number(line?.count ?? 0).toLocaleString()}
      {line?.oldestTime && (
        <>
          , the first came <Ago time={line.oldestTime} />
        </>
      )}
    </>
  )
}
