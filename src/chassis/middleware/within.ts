/** Waits for work that may hang. @throws what it throws, or {Error} with `message` once `limitMs` are over */
export async function within<T>(limitMs: number, work: () => T | Promise<T>, message: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(message)), limitMs);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
