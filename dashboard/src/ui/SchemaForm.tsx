// A form out of a JSON Schema. It shows and changes one JSON value, whatever the schema asks for.
import type { JsonValue } from '@contract/method'
import { fieldsOf, initialOf, isObject, kindOf, type Schema } from '@/api/schema'
import { JsonField } from './JsonField'
import { KindsField } from './KindsField'
import { ListField } from './ListField'
import { ChoiceField, FlagField, NumberField, TextField } from './SchemaFields'
import css from './schema.module.css'

/** What is wrong, by the path of the field: "parameters.model.layers[2]". */
export type Problems = ReadonlyMap<string, string>

export type SchemaFieldProps = {
  schema: Schema
  label: string
  path: string
  value: JsonValue | undefined
  onChange: (value: JsonValue | undefined) => void
  problems: Problems
  isRequired: boolean
}

type Props = {
  schema: Schema
  /** What paths of fields begin with. */
  path: string
  value: JsonValue | undefined
  onChange: (value: JsonValue | undefined) => void
  problems: Problems
}

/** The fields of a schema's object, one below the other. */
export function SchemaForm({ schema, path, value, onChange, problems }: Props) {
  const fields = isObject(value) ? value : {}
  const required = new Set(schema.required)
  function change(name: string, below: JsonValue | undefined) {
    const { [name]: _, ...others } = fields
    onChange(below === undefined ? others : { ...fields, [name]: below })
  }
  return (
    <div className={css.fields}>
      {fieldsOf(schema).map((name) => (
        <SchemaField
          key={name}
          schema={schema.properties?.[name] ?? {}}
          label={name}
          path={`${path}.${name}`}
          value={fields[name]}
          onChange={(below) => change(name, below)}
          problems={problems}
          isRequired={required.has(name)}
        />
      ))}
    </div>
  )
}

/** One field, of the kind that its schema asks for. */
export function SchemaField(props: SchemaFieldProps) {
  switch (kindOf(props.schema)) {
    case 'object':
      return <ObjectField {...props} />
    case 'list':
      return <ListField {...props} />
    case 'kinds':
      return <KindsField {...props} />
    case 'choice':
      return <ChoiceField {...props} />
    case 'flag':
      return <FlagField {...props} />
    case 'number':
      return <NumberField {...props} />
    case 'text':
      return <TextField {...props} />
    case 'nothing':
      return null
    case 'json':
      return <JsonField {...props} />
  }
}

/** An object within another; one that need not be there is put in by a press. */
function ObjectField(props: SchemaFieldProps) {
  const { schema, label, path, value, onChange, problems, isRequired } = props
  return (
    <fieldset className={css.group}>
      <legend className={css.legend}>{label}</legend>
      {schema.description && <p className={css.hint}>{schema.description}</p>}
      {problems.has(path) && <p className={css.problem}>{problems.get(path)}</p>}
      {value === undefined && !isRequired ? (
        <button type="button" className={css.add} onClick={() => onChange(initialOf(schema) ?? {})}>
          Fill in {label}
        </button>
      ) : (
        <SchemaForm schema={schema} path={path} value={value} onChange={onChange} problems={problems} />
      )}
    </fieldset>
  )
}
