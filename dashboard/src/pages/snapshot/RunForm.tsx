import type { JsonValue } from '@contract/method'
import { GetRun, GetSnapshotParameterSchema, ListStacks, type Snapshot } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, lazy, Suspense, useEffect, useRef, useState } from 'react'
import { isObject, resolved, type Schema } from '@/api/schema'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { ErrorPage } from '@/ui/ErrorPage'
import { JsonField } from '@/ui/JsonField'
import { Note } from '@/ui/Note'
import { type Problems, type SchemaFieldProps, SchemaForm } from '@/ui/SchemaForm'
import { Select } from '@/ui/Select'
import { Copies } from './Copies'
import type { Wish } from './copies'
import { FillIn } from './FillIn'
import { filledIn } from './filledIn'
import css from './snapshot.module.css'
import { useStart } from './useStart'

const route = getRouteApi('/w/$workspace/p/$project/snapshots/$snapshot')
const ROOT = 'parameters'
const NOTATIONS = ['JSON', 'YAML'] as const
// The reader of YAML is as large as the whole form.
const YamlField = lazy(async () => ({ default: (await import('@/ui/YamlField')).YamlField }))

/** Reads what there is to ask for, and asks for it. */
export function RunForm({ snapshot }: { snapshot: Snapshot }) {
  const { client, key } = useProject()
  const { name } = snapshot
  const asked = useQuery({
    queryKey: [...key, 'parameter-schema', name],
    queryFn: async ({ signal }) =>
      resolved(
        ((await client.call(GetSnapshotParameterSchema, { name }, { signal })).schema ?? {}) as Schema,
      ),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const { from = '' } = route.useSearch()
  const run = useQuery({ ...useRunRead(from), enabled: from !== '' })
  if (asked.error) return <ErrorPage error={asked.error} onRetry={() => asked.refetch()} />
  if (!asked.data || run.isLoading) return <p className={css.loading}>Reading its parameters …</p>
  const given = run.data?.parameters ?? {}
  return (
    <>
      {run.error && (
        <div className={css.note}>
          <Note kind="warn" error={run.error} />
        </div>
      )}
      {run.data && <p className={css.note}>Filled in as {from} had it.</p>}
      <Form
        key={run.data?.name ?? ''}
        snapshot={snapshot}
        schema={asked.data}
        initial={filledIn(asked.data, given)}
      />
    </>
  )
}

/** A run, as it was begun: what it was given never changes. */
function useRunRead(id: string) {
  const { client, key, name: project } = useProject()
  return {
    queryKey: [...key, 'begun', id],
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      client.call(GetRun, { name: `${project}/runs/${id}` }, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  }
}

type FormProps = { snapshot: Snapshot; schema: Schema; initial: Record<string, JsonValue> }

function Form({ snapshot, schema, initial }: FormProps) {
  const { name, template } = snapshot
  const [notation, setNotation] = useState<Notation>()
  const [parameters, setParameters] = useState(initial)
  const [stack, setStack] = useState('')
  const [cacheDisabled, setCacheDisabled] = useState(false)
  const form = useRef<HTMLFormElement>(null)
  const wish: Wish = { name, template, parameters, stack, cacheDisabled }
  const start = useStart()
  useFirstProblem(form, start.problems)
  const fields = {
    schema,
    path: ROOT,
    value: parameters,
    onChange: (value: JsonValue | undefined) => setParameters(objectOf(value)),
    problems: start.problems,
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    start.mutate(wish)
  }

  return (
    <div className={css.columns}>
      <form ref={form} className={css.form} onSubmit={submit} aria-label="Run this snapshot">
        <div className={css.formHead}>
          <h2>Parameters</h2>
          <span className={css.notations}>
            <FillIn snapshot={snapshot} />
            {NOTATIONS.map((each) => (
              <Button
                key={each}
                size="small"
                aria-pressed={notation === each}
                // What is no JSON, say, must be mended before it can be shown otherwise.
                onClick={() =>
                  form.current?.reportValidity() && setNotation(notation === each ? undefined : each)
                }
              >
                {each}
              </Button>
            ))}
          </span>
        </div>
        <Parameters notation={notation} {...fields} />
        <StackField value={stack} onChange={setStack} />
        <label className={css.check}>
          <input
            type="checkbox"
            checked={cacheDisabled}
            onChange={({ target }) => setCacheDisabled(target.checked)}
          />
          Take no step's result from an earlier run
        </label>
        <Refusal problems={start.problems} error={start.error} />
        <div>
          <Button kind="primary" type="submit" isBusy={start.isPending}>
            Start the run
          </Button>
        </div>
      </form>
      <Copies wish={wish} />
    </div>
  )
}

type Notation = (typeof NOTATIONS)[number]
type ParametersProps = Omit<SchemaFieldProps, 'label' | 'isRequired'> & { notation: Notation | undefined }

/** The same value, as fields or as a text. */
function Parameters({ notation, ...fields }: ParametersProps) {
  const text = { ...fields, schema: {}, label: 'All parameters', isRequired: false }
  if (notation === 'JSON') return <JsonField {...text} />
  if (notation === 'YAML')
    return (
      <Suspense>
        <YamlField {...text} />
      </Suspense>
    )
  if (Object.keys(fields.schema.properties ?? {}).length > 0) return <SchemaForm {...fields} />
  return <p className="quiet">This pipeline has no parameters.</p>
}

function StackField({ value, onChange }: { value: string; onChange: (stack: string) => void }) {
  const { client, key } = useProject()
  const stacks = useQuery({
    queryKey: [...key, 'stacks'],
    queryFn: async ({ signal }) => (await client.call(ListStacks, { pageSize: 500 }, { signal })).stacks,
  })
  const choices = (stacks.data ?? []).map(
    ({ name, displayName }) => [name, displayName || idOf(name)] as const,
  )
  return (
    <Select
      label="Stack"
      value={value}
      onChange={({ target }) => onChange(target.value)}
      choices={[['', 'As the snapshot says, or the default'], ...choices]}
    />
  )
}

function Refusal({ problems, error }: { problems: Problems; error: Error | null }) {
  if (error) return <Note kind="bad" error={error} />
  if (problems.size === 0) return null
  return (
    <Note kind="bad">
      <ul>
        {[...problems].map(([path, words]) => (
          <li key={path}>
            {path && <code>{path}</code>} {words}
          </li>
        ))}
      </ul>
    </Note>
  )
}

/** The keys go to what is wrong first. */
function useFirstProblem(form: React.RefObject<HTMLFormElement | null>, problems: Problems): void {
  useEffect(() => {
    if (problems.size > 0) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [form, problems])
}

function objectOf(value: JsonValue | undefined): Record<string, JsonValue> {
  return isObject(value) ? value : {}
}
