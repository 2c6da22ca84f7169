import { getRouteApi, Link } from '@tanstack/react-router'
import { basePath } from '@/api/client'
import { useProject } from '@/app/project'
import { CodeBlock } from '@/ui/CodeBlock'
import { CopyButton } from '@/ui/CopyButton'
import views from '@/ui/views.module.css'
import { asCommand, asCurl, asPython, type Wish } from './copies'
import css from './snapshot.module.css'

const route = getRouteApi('/w/$workspace/p/$project/snapshots/$snapshot')
const WAYS = [
  [undefined, 'CLI'],
  ['python', 'Python'],
  ['curl', 'curl'],
] as const

/** The same run without a browser, as the form stands now. */
export function Copies({ wish }: { wish: Wish }) {
  const { as } = route.useSearch()
  const { workspace } = useProject()
  const origin = location.origin + basePath()
  const place = { origin, address: origin + workspace.path, workspace: workspace.name }
  const text = as === 'curl' ? asCurl(wish, place) : as === 'python' ? asPython(wish, place) : asCommand(wish)
  return (
    <section className={css.copies} aria-label="The same from elsewhere">
      <div className={css.formHead}>
        <nav aria-label="Ways to run it" className={views.views}>
          {WAYS.map(([id, label]) => (
            <Link
              key={label}
              from={route.id}
              to="."
              search={(now) => ({ ...now, as: id })}
              activeOptions={{ includeSearch: true, explicitUndefined: true }}
            >
              {label}
            </Link>
          ))}
        </nav>
        <CopyButton text={text} label="Copy" />
      </div>
      <CodeBlock label="The same run">{text}</CodeBlock>
      {as && <p className="quiet">WEFT_TOKEN is a personal access token: weft tokens create NAME.</p>}
    </section>
  )
}
