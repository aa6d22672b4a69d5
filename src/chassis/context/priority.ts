/** How important calls are, the most important first: under overload the last class is refused first. */
export const PRIORITIES = ['critical', 'default', 'sheddable'] as const;

/** Says it of a call; believed of trusted proxies only. */
export const PRIORITY_HEADER = 'x-priority';

export type Priority = (typeof PRIORITIES)[number];
