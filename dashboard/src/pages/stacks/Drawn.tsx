import type { Component, Stack } from '@contract/workspace'
import type { ReactNode } from 'react'
import { idOf } from '@/api/session'
import { useComponents, useWhole } from '@/app/infrastructure'
import { ComponentLink } from '@/app/infrastructureLinks'
import { Icon } from '@/ui/Icon'
import css from './stacks.module.css'
import { ALL_TYPES, SERVED, typeOf } from './types'

/** A stack as it is put together, in the order in which a run meets its components. */
export function Drawn({ stack }: { stack: Stack }) {
  const all = useWhole(useComponents())
  const byName = new Map(all.map((component) => [component.name, component]))
  const further = stack.additionalComponents.map((name) => byName.get(name))
  const types = ALL_TYPES.filter((type) => stack.components[type] || SERVED.includes(type))
  return (
    <ul className={css.cards}>
      {types.map((type) => (
        <Place
          key={type}
          type={type}
          name={stack.components[type]}
          component={byName.get(stack.components[type] ?? '')}
        />
      ))}
      {further.map(
        (component) =>
          component && (
            <Place
              key={component.name}
              type={component.type}
              name={component.name}
              component={component}
              isFurther
            />
          ),
      )}
    </ul>
  )
}

type PlaceProps = {
  type: string
  name: string | undefined
  component: Component | undefined
  isFurther?: boolean
}

function Place({ type, name, component, isFurther = false }: PlaceProps) {
  if (!name)
    return (
      <Card type={type} isItself>
        <span className={css.cardName}>The workspace itself</span>
        <span className={css.cardFlavor}>{typeOf(type).meaning}</span>
      </Card>
    )
  return (
    <Card type={type} note={isFurther ? ', for steps that ask for it' : ''}>
      <span className={css.cardName}>
        <ComponentLink name={name} label={component?.displayName ?? ''} />
      </span>
      <span className={`cut ${css.cardFlavor}`}>
        {component && idOf(component.flavor)}
        {component?.connector && `, by ${idOf(component.connector)}`}
      </span>
    </Card>
  )
}

type CardProps = { type: string; note?: string; isItself?: boolean; children: ReactNode }

function Card({ type, note = '', isItself = false, children }: CardProps) {
  const { word, icon } = typeOf(type)
  return (
    <li className={`${css.card} ${isItself ? css.itself : ''}`}>
      <span className={css.cardIcon}>
        <Icon name={icon} />
      </span>
      <span className={css.cardType}>
        {word}
        {note}
      </span>
      {children}
    </li>
  )
}
