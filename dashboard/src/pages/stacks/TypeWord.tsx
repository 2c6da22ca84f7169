import { Icon } from '@/ui/Icon'
import css from './stacks.module.css'
import { typeOf } from './types'

/** What a component does, in a word with its icon. */
export function TypeWord({ type }: { type: string }) {
  const { word, icon } = typeOf(type)
  return (
    <span className={css.kind}>
      <Icon name={icon} />
      <span className="cut">{word}</span>
    </span>
  )
}
