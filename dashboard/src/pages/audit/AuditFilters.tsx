import { ListWorkspaces } from '@contract/controlplane'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { idOf } from '@/api/session'
import { useOrganization } from '@/app/organization'
import { useDirectory } from '@/app/subjects'
import { Button } from '@/ui/Button'
import { Field } from '@/ui/Field'
import { Select } from '@/ui/Select'
import { Suggested } from '@/ui/Suggested'
import css from './audit.module.css'
import { BETWEEN, QUESTIONS, type Question } from './auditFilter'
import { OUTCOMES } from './outcome'

const WHENS = [
  ['', 'Ever'],
  ['1h', 'In the last hour'],
  ['24h', 'In the last 24 hours'],
  ['7d', 'In the last 7 days'],
  ['30d', 'In the last 30 days'],
  [BETWEEN, 'Between …'],
] as const

type Props = {
  question: Question
  onAsk: (question: Question) => void
  /** Actions that were seen, to choose from. */
  actions: string[]
}

/** Which rows of the log; lists ask at once, texts on Enter. */
export function AuditFilters({ question, onAsk, actions }: Props) {
  const { proposals } = useDirectory()
  const [when, setWhen] = useState(question.when ?? '')
  const isAsked = Object.values(question).some(Boolean)

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    onAsk(questionOf(new FormData(event.currentTarget)))
  }

  return (
    <search>
      <form className={css.filters} onSubmit={submit}>
        <Suggested
          label="Who"
          name="who"
          defaultValue={question.who}
          proposals={proposals}
          placeholder="ada@example.com, sa:ci"
        />
        <Suggested
          label="Did what"
          name="what"
          defaultValue={question.what}
          proposals={actions}
          placeholder="TeamService.*"
        />
        <Suggested
          label="To what"
          name="on"
          defaultValue={question.on}
          proposals={[]}
          placeholder="organizations/o/teams/*"
        />
        <Select
          label="How it ended"
          name="outcome"
          defaultValue={question.outcome}
          choices={OUTCOMES}
          onChange={({ target }) => target.form?.requestSubmit()}
        />
        <WhereField where={question.where} />
        <Select
          label="When"
          name="when"
          defaultValue={when}
          choices={WHENS}
          onChange={({ target }) => {
            setWhen(target.value)
            if (target.value !== BETWEEN) target.form?.requestSubmit()
          }}
        />
        {when === BETWEEN && <BetweenFields question={question} />}
        <div className={css.ask}>
          {isAsked && <Button onClick={() => onAsk({})}>Show all</Button>}
          <Button kind="primary" type="submit">
            Find
          </Button>
        </div>
      </form>
    </search>
  )
}

function WhereField({ where }: { where: string | undefined }) {
  const { client, name, key } = useOrganization()
  const workspaces = useQuery({
    queryKey: [...key, 'workspace-choices'],
    queryFn: async () => (await client.call(ListWorkspaces, { parent: name, pageSize: 500 })).workspaces,
  })
  const places = (workspaces.data ?? []).map(
    (each) => [each.name, `Workspace ${each.displayName || idOf(each.name)}`] as const,
  )
  // Of one that is gone, the log still tells.
  const isGone = where && !places.some(([place]) => place === where)
  return (
    <Select
      label="Recorded by"
      name="where"
      key={places.length}
      defaultValue={where}
      choices={[['', 'All services'], ...places, ...(isGone ? [[where, idOf(where)] as const] : [])]}
      onChange={({ target }) => target.form?.requestSubmit()}
    />
  )
}

function BetweenFields({ question }: { question: Question }) {
  return (
    <>
      <Field label="From" name="from" type="datetime-local" defaultValue={local(question.from)} />
      <Field label="Until" name="until" type="datetime-local" defaultValue={local(question.until)} />
    </>
  )
}

function questionOf(form: FormData): Question {
  const texts = QUESTIONS.map((field) => [field, String(form.get(field) ?? '').trim()] as const)
  const given = texts.filter(([, text]) => text)
  return Object.fromEntries(
    given.map(([field, text]) => [field, isTime(field) ? new Date(text).toISOString() : text]),
  )
}

function isTime(field: string): boolean {
  return field === 'from' || field === 'until'
}

/** A moment as the browser's own field has it: in the time of here. */
function local(time: string | undefined): string | undefined {
  const moment = new Date(time ?? '')
  if (Number.isNaN(moment.getTime())) return undefined
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}
