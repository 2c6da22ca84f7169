import { DownloadLogs, type LogFilter, type LogLevel, type Run } from '@contract/workspace'
import { useLocation, useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useProject } from '@/app/project'
import { Button, ButtonLink } from '@/ui/Button'
import { EmptyState } from '@/ui/EmptyState'
import { Icon } from '@/ui/Icon'
import { Menu, MenuCheck, MenuChoice, MenuLabel, MenuLine } from '@/ui/Menu'
import { Note } from '@/ui/Note'
import { LogLines } from './LogLines'
import css from './logs.module.css'
import { Matches } from './Matches'
import { TIME_FORMS, type TimeForm } from './timeOf'
import { type Brush, useBrush } from './useBrush'
import { useLog } from './useLog'

const LEVELS = [
  ['', 'All levels'],
  ['LOG_LEVEL_INFO', 'Info and graver'],
  ['LOG_LEVEL_WARNING', 'Warnings and graver'],
  ['LOG_LEVEL_ERROR', 'Errors and graver'],
] as const

/** One log, live or not: read, searched, linked to and taken along. */
export function LogViewer({ run, stream }: { run: Run; stream: string }) {
  const { client } = useProject()
  const log = useLog(stream)
  const [contains, setContains] = useState('')
  const [level, setLevel] = useState<LogLevel | ''>('')
  const [form, setForm] = useState<TimeForm>('none')
  const [isWrapped, setWrapped] = useState(false)
  const [wanted, want] = useWantedLine()
  const brush = useBrush(run)
  const filter = filterOf(contains, level, brush)

  function search(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    setContains(String(new FormData(event.currentTarget).get('contains')))
  }
  function goTo(line: number) {
    setContains('')
    setLevel('')
    want(line)
  }

  return (
    <section className={css.viewer} aria-label="Log">
      <div className={css.bar}>
        <form className={css.search} onSubmit={search} key={contains}>
          <Icon name="search" />
          <input
            name="contains"
            type="search"
            aria-label="Search the log"
            placeholder="Search all lines"
            defaultValue={contains}
            maxLength={1024}
          />
        </form>
        <Menu align="end" trigger={<Button size="small">View</Button>}>
          <MenuLabel>Levels</MenuLabel>
          <MenuChoice value={level} onChoose={setLevel} choices={LEVELS} />
          <MenuLine />
          <MenuLabel>Times</MenuLabel>
          <MenuChoice value={form} onChoose={setForm} choices={TIME_FORMS} />
          <MenuLine />
          <MenuCheck isChecked={isWrapped} onCheck={setWrapped}>
            Wrap long lines
          </MenuCheck>
        </Menu>
        <ButtonLink
          size="small"
          href={client.address(DownloadLogs, { logStream: stream })}
          download={`${nameOf(stream)}.log`}
        >
          <Icon name="download" /> Download
        </ButtonLink>
      </div>
      {log.error !== undefined && log.error !== null && <Note kind="bad" error={log.error} />}
      {brush && (
        <p className={css.brush}>
          Lines from {brush.words}
          <Button size="small" onClick={brush.clear}>
            Whole run
          </Button>
        </p>
      )}
      {filter ? (
        <Matches stream={stream} filter={filter} form={form} onWant={goTo} />
      ) : (
        !log.isPending &&
        (log.total > 0 ? (
          <LogLines
            key={String(isWrapped)}
            log={log}
            wanted={wanted}
            onWant={want}
            form={form}
            isWrapped={isWrapped}
          />
        ) : (
          <EmptyState icon="clock" title={log.isOpen ? 'Nothing was written yet' : 'Nothing was written'} />
        ))
      )}
    </section>
  )
}

/** What the server is to look for; absent where the whole log is read. */
function filterOf(
  contains: string,
  minLevel: LogLevel | '',
  brush: Brush | undefined,
): Partial<LogFilter> | undefined {
  const filter = {
    ...(contains && { contains }),
    ...(minLevel && { minLevel }),
    ...(brush && { since: brush.since, until: brush.until }),
  }
  return Object.keys(filter).length > 0 ? filter : undefined
}

/** The line that the address ends in, `#L120`; and how to make it another one. */
function useWantedLine(): [number, (line: number) => void] {
  const hash = useLocation({ select: (location) => location.hash })
  const navigate = useNavigate()
  const wanted = Number(/^L(\d+)$/.exec(hash)?.[1] ?? 0)
  const want = (line: number) =>
    void navigate({
      to: '.',
      // Any line may be linked to: also one outside of what was chosen in the timeline.
      search: (now) => ({ ...now, span: undefined }),
      hash: line > 0 ? `L${line}` : '',
      replace: true,
      resetScroll: false,
      hashScrollIntoView: false,
    })
  return [wanted, want]
}

function nameOf(stream: string): string {
  return stream.slice(stream.lastIndexOf('/') + 1)
}
