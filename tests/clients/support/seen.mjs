// What a callback has been given so far, and a way to wait for what it should be given next.

/** How long anything may take before the test that waits for it fails, in milliseconds. */
export const DEADLINE = 20_000;

/** Settles as `promise` does, or fails at the deadline, saying what was awaited. */
export async function within(promise, what, deadline = DEADLINE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${deadline} ms for ${what}`)), deadline);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export class Seen {
  /** Every value, in order. */
  values = [];
  #waiting = new Set();

  /** The callback. */
  push = (value) => {
    this.values.push(value);
    for (const waiting of this.#waiting) waiting(value);
  };

  get last() {
    return this.values.at(-1);
  }

  /** The last value if it matches, else the next one that does. */
  async until(matches, what = "a value that matches", deadline = DEADLINE) {
    if (this.values.length > 0 && matches(this.last)) return this.last;
    let waiting;
    const matched = new Promise((resolve) => {
      waiting = (value) => matches(value) && resolve(value);
      this.#waiting.add(waiting);
    });
    try {
      return await within(matched, what, deadline);
    } catch (error) {
      error.message += `; the last of ${this.values.length} values is ${show(this.last)}`;
      throw error;
    } finally {
      this.#waiting.delete(waiting);
    }
  }
}

function show(value) {
  return value instanceof Error ? String(value) : JSON.stringify(value);
}
