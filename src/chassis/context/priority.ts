/** How important calls are, the most important first: under overload the last class is refused first. */
export const PRIORITIES = ['critical', 'default', 'sheddable'] as const;

export type Priority = (typeof PRIORITIES)[number];
