import { Note } from '@/ui/Note'
import css from './picker.module.css'
import { byNoun, useCatalogue } from './useRoles'

type Props = { chosen: ReadonlySet<string>; onChoose: (chosen: ReadonlySet<string>) => void }

/** Which permissions, of all that there are, by noun. */
export function PermissionPicker({ chosen, onChoose }: Props) {
  const catalogue = useCatalogue()
  if (catalogue.error) return <Note kind="bad" error={catalogue.error} />

  function toggle(permission: string) {
    const after = new Set(chosen)
    if (!after.delete(permission)) after.add(permission)
    onChoose(after)
  }
  return (
    <fieldset className={css.picker}>
      <legend>Permissions: {chosen.size}</legend>
      <div className={css.nouns}>
        {byNoun(catalogue.data ?? []).map(([noun, permissions]) => (
          <details key={noun}>
            <summary>
              {noun}
              <span className={css.some}>
                {permissions.filter(({ permission }) => chosen.has(permission)).length} of{' '}
                {permissions.length}
              </span>
            </summary>
            {permissions.map(({ permission, description }) => (
              <label key={permission} className={css.choice} title={description}>
                <input type="checkbox" checked={chosen.has(permission)} onChange={() => toggle(permission)} />
                <span className="mono">{permission}</span>
              </label>
            ))}
          </details>
        ))}
      </div>
    </fieldset>
  )
}
