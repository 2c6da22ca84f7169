import type { JsonValue } from '@contract/method'
import type { SchemaFieldProps } from './SchemaForm'
import { type Notation, WrittenField } from './WrittenField'

const JSON_TEXT: Notation = {
  name: 'JSON',
  read: (text) => JSON.parse(text) as JsonValue,
  write: (value) => JSON.stringify(value, undefined, 2),
}

export const JsonField = (props: SchemaFieldProps) => <WrittenField {...props} notation={JSON_TEXT} />
