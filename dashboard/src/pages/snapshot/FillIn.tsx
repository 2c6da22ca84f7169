import { ListRuns, type Run, type Snapshot } from '@contract/workspace'
import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { idOf } from '@/api/session'
import { useProject } from '@/app/project'
import { Button } from '@/ui/Button'
import { Menu, MenuItem, MenuLabel, MenuLine } from '@/ui/Menu'
import { Note } from '@/ui/Note'
import { lookOf } from '@/ui/states'
import { ago } from '@/ui/times'
import css from './snapshot.module.css'

const route = getRouteApi('/w/$workspace/p/$project/snapshots/$snapshot')
const OFFERED = 10

/** Fills the form in as the snapshot has it, or as an earlier run of the pipeline had it. */
export function FillIn({ snapshot }: { snapshot: Snapshot }) {
  const navigate = route.useNavigate()
  const fill = (from?: string) => void navigate({ search: (now) => ({ ...now, from }), replace: true })
  return (
    <Menu align="end" trigger={<Button size="small">Fill in</Button>}>
      <MenuItem onSelect={() => fill()}>As the snapshot has it</MenuItem>
      <MenuLine />
      <MenuLabel>As an earlier run had it</MenuLabel>
      <Earlier pipeline={idOf(snapshot.pipeline)} onChoose={(run) => fill(idOf(run.name))} />
    </Menu>
  )
}

/** Read once the menu is open. */
function Earlier({ pipeline, onChoose }: { pipeline: string; onChoose: (run: Run) => void }) {
  const { client, key, name: parent } = useProject()
  const filter = `pipeline = ${pipeline}`
  const found = useQuery({
    queryKey: [...key, 'earlier-runs', pipeline],
    queryFn: async ({ signal }) =>
      (await client.call(ListRuns, { parent, filter, pageSize: OFFERED }, { signal })).runs,
  })
  if (found.error) return <Note kind="bad" error={found.error} />
  if (!found.data) return <p className={css.none}>Reading the runs …</p>
  if (found.data.length === 0) return <p className={css.none}>There is none.</p>
  return found.data.map((run) => (
    <MenuItem key={run.name} onSelect={() => onChoose(run)}>
      <span className="cut">
        {run.displayName || idOf(run.name)}{' '}
        <span className="quiet">
          {lookOf(run.state).word}, {ago(run.createTime ?? '', Date.now())}
        </span>
      </span>
    </MenuItem>
  ))
}
