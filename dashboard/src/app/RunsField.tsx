// What schedules and triggers run: a snapshot, or whatever is published as a template when its time comes.
import { ListSnapshots } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { idOf } from '@/api/session'
import { Select } from '@/ui/Select'
import { useProject } from './project'

type Runs = { snapshot: string; template: string }

/** Templates first, as they follow what is published. */
export function RunsField({ of }: { of?: Runs | undefined }) {
  const { client, key, name: parent } = useProject()
  const snapshots = useQuery({
    queryKey: [...key, 'runnable'],
    queryFn: async ({ signal }) =>
      (await client.call(ListSnapshots, { parent, pageSize: 200 }, { signal })).snapshots,
  })
  const choices = new Map<string, string>()
  // What it runs now may be older than all that are listed.
  if (of) choices.set(choiceOf(of), of.template ? `${of.template} (template)` : idOf(of.snapshot))
  for (const { template } of snapshots.data ?? [])
    if (template) choices.set(choiceOf({ snapshot: '', template }), `${template} (template)`)
  for (const { name, pipeline } of snapshots.data ?? [])
    choices.set(choiceOf({ snapshot: name, template: '' }), `${idOf(pipeline)} · ${idOf(name)}`)
  return <Select label="Runs" name="runs" defaultValue={of && choiceOf(of)} choices={[...choices]} required />
}

/** What was chosen, as a schedule or a trigger says it. */
export function runsIn(form: FormData): Partial<Runs> {
  const [kind = '', what = ''] = String(form.get('runs') ?? '').split(' ')
  return kind === 'template' ? { template: what } : { snapshot: what }
}

function choiceOf({ snapshot, template }: Runs): string {
  return template ? `template ${template}` : `snapshot ${snapshot}`
}
