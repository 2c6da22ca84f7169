import * as Radix from '@radix-ui/react-dropdown-menu'
import type { ReactNode } from 'react'
import { Icon } from './Icon'
import css from './menu.module.css'

type Props = { trigger: ReactNode; children: ReactNode; align?: 'start' | 'end'; side?: 'top' | 'bottom' }

/** A menu under a button. Not modal: locking the page would need styles that its policy forbids. */
export function Menu({ trigger, children, align = 'start', side = 'bottom' }: Props) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className={css.menu} align={align} side={side} sideOffset={6} collisionPadding={8}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <Radix.Label className={css.label}>{children}</Radix.Label>
}

export function MenuItem({ onSelect, children }: { onSelect: () => void; children: ReactNode }) {
  return (
    <Radix.Item className={css.item} onSelect={onSelect}>
      {children}
    </Radix.Item>
  )
}

export function MenuLine() {
  return <Radix.Separator className={css.line} />
}

type Choice<T extends string> = {
  value: T
  onChoose: (value: T) => void
  choices: readonly (readonly [T, string])[]
}

/** One of several. */
export function MenuChoice<T extends string>({ value, onChoose, choices }: Choice<T>) {
  return (
    <Radix.RadioGroup value={value} onValueChange={(chosen) => onChoose(chosen as T)}>
      {choices.map(([each, label]) => (
        <Radix.RadioItem key={each} value={each} className={css.item}>
          <span className={css.mark}>
            <Radix.ItemIndicator>
              <Icon name="check" size={14} />
            </Radix.ItemIndicator>
          </span>
          <span className="cut">{label}</span>
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  )
}

type Check = { isChecked: boolean; onCheck: (isChecked: boolean) => void; children: ReactNode }

/** On or off; the menu stays open. */
export function MenuCheck({ isChecked, onCheck, children }: Check) {
  return (
    <Radix.CheckboxItem
      checked={isChecked}
      onCheckedChange={(checked) => onCheck(checked === true)}
      onSelect={(event) => event.preventDefault()}
      className={css.item}
    >
      <span className={css.mark}>
        <Radix.ItemIndicator>
          <Icon name="check" size={14} />
        </Radix.ItemIndicator>
      </span>
      {children}
    </Radix.CheckboxItem>
  )
}
