/** Parts that are drawn again only when what they are given has changed. */

import { Component, type ComponentClass, type ComponentType } from "preact";

/** `Inner`, drawn again only when one of its properties is another. */
export function memo<P extends object>(Inner: ComponentType<P>): ComponentClass<P> {
  return class extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      return !sameShallow(this.props, next);
    }

    override render() {
      return <Inner {...this.props} />;
    }
  };
}

function sameShallow(one: object, other: object): boolean {
  const [ones, others] = [Object.entries(one), Object.entries(other)];
  const known = new Map(others);
  return ones.length === others.length && ones.every(([name, value]) => known.has(name) && Object.is(known.get(name), value));
}
