import { ListLogStreams, type LogStream, type Run } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { ErrorPage } from '@/ui/ErrorPage'
import { Icon } from '@/ui/Icon'
import { Menu, MenuChoice } from '@/ui/Menu'
import { LogViewer } from './LogViewer'
import css from './logs.module.css'

const route = getRouteApi('/w/$workspace/p/$project/runs/$run')

/** The logs of a run: that of its runner, and those of its steps' attempts. */
export function RunLogs({ run }: { run: Run }) {
  const { client, key, name } = useProject()
  const { log } = route.useSearch()
  const navigate = route.useNavigate()
  const streams = useQuery({
    queryKey: [...key, 'log-streams', run.name, run.revision],
    queryFn: ({ signal }) =>
      listAll((pageToken) =>
        client.call(
          ListLogStreams,
          { parent: name, filter: `run = "${idOf(run.name)}"`, pageSize: 500, pageToken },
          { signal },
        ),
      ),
    placeholderData: (before) => before,
  })
  if (streams.error && !streams.data)
    return <ErrorPage error={streams.error} onRetry={() => streams.refetch()} />
  if (!streams.data) return null
  const chosen = streams.data.find((each) => idOf(each.name) === log) ?? streams.data[0]
  if (!chosen) return <EmptyState icon="clock" title="There are no logs yet" />
  const trigger = (
    <Button className={css.choice}>
      {labelOf(chosen)} <Icon name="down" />
    </Button>
  )
  return (
    <div className={css.page}>
      <Menu trigger={trigger}>
        <MenuChoice
          value={idOf(chosen.name)}
          onChoose={(id) => void navigate({ search: (now) => ({ ...now, log: id }), hash: '' })}
          choices={streams.data.map((each) => [idOf(each.name), labelOf(each)] as const)}
        />
      </Menu>
      <LogViewer key={chosen.name} run={run} stream={chosen.name} />
    </div>
  )
}

function labelOf({ stepId, attempt }: LogStream): string {
  if (!stepId) return 'Runner'
  return attempt > 1 ? `${stepId}, attempt ${attempt}` : stepId
}

/** All of them, in the order in which they were made. */
async function listAll(
  read: (pageToken: string) => Promise<{ logStreams: LogStream[]; nextPageToken: string }>,
): Promise<LogStream[]> {
  const streams: LogStream[] = []
  let pageToken = ''
  do {
    const page = await read(pageToken)
    streams.push(...page.logStreams)
    pageToken = page.nextPageToken
  } while (pageToken)
  return streams.reverse()
}
