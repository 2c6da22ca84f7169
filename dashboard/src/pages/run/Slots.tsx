import type { Step } from '@contract/workspace'
import { CopyButton } from '@/ui/CopyButton'
import css from './run.module.css'

/** What a step took and made: versions of artifacts. */
export function Slots({ step }: { step: Step }) {
  return (
    <>
      <Side title="Inputs" slots={step.inputs} />
      <Side title="Outputs" slots={step.outputs} />
    </>
  )
}

function Side({ title, slots }: { title: string; slots: { [name: string]: string } }) {
  const given = Object.entries(slots)
  return (
    <section>
      <h3 className={css.heading}>{title}</h3>
      {given.length === 0 && <p className="quiet">None.</p>}
      <ul className={css.slots}>
        {given.map(([name, version]) => (
          <li key={name} className={css.slot}>
            <span className={css.slotName}>{name}</span>
            <span className="mono cut" title={version}>
              {shortVersion(version)}
            </span>
            <CopyButton text={version} label={`Copy the name of ${name}`} />
          </li>
        ))}
      </ul>
    </section>
  )
}

/** "model@3" of "projects/p/artifacts/model/versions/3". */
function shortVersion(name: string): string {
  const [, , , artifact, , version] = name.split('/')
  return artifact && version ? `${artifact}@${version}` : name
}
