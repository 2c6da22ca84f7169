import form from './form.module.css'

type Props = {
  label: string
  name: string
  choices: readonly (readonly [string, string])[]
  chosen: readonly string[]
  hint?: string
}

/** Any of a few, each of which stands in the form under the same name. */
export function Choices({ label, name, choices, chosen, hint }: Props) {
  return (
    <fieldset className={form.group}>
      <legend>{label}</legend>
      {hint && <p className="quiet">{hint}</p>}
      {choices.map(([value, words]) => (
        <label key={value} className={form.check}>
          <input type="checkbox" name={name} value={value} defaultChecked={chosen.includes(value)} />
          {words}
        </label>
      ))}
    </fieldset>
  )
}
