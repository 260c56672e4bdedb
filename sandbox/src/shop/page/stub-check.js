// By which the stand-ins see that they are called as the real scripts want to be. Part of no provider's script.
'use strict';

{
  const KINDS = {
    any: ['anything', () => true],
    text: ['a text that is not empty', (value) => typeof value === 'string' && value !== ''],
    count: ['a whole number above 0', (value) => Number.isInteger(value) && value > 0],
    flag: ['true or false', (value) => typeof value === 'boolean'],
    function: ['a function', (value) => typeof value === 'function'],
    list: ['a list that is not empty', (value) => Array.isArray(value) && value.length > 0],
    object: ['an object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value)],
  };

  const kindOf = (value) => {
    if (value === null || value === undefined) return String(value);
    return Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  };

  // Values are not repeated: a secret key may stand there by mistake.
  const problem = (value, test) => {
    if (typeof test === 'function') return test(value);
    const [words, fits] = test instanceof RegExp ? [`a text like ${test.source}`, (text) => typeof text === 'string' && test.test(text)]
      : Array.isArray(test) ? [`one of ${test.join(', ')}`, (one) => test.includes(one)]
      : KINDS[test];
    const got = typeof value === 'string' && typeof test !== 'string' ? 'another text' : kindOf(value);
    return fits(value) ? null : `must be ${words}, and is ${got}`;
  };

  /**
   * Throws a TypeError that names what is wrong with `value`, the argument of `call`, unless each of its fields is as the test
   * in `fields` says: a kind, a list of values, a pattern, a function that returns what is wrong, or fields again. A name with
   * `?` may be missing. Other names are taken only if `fields` has `...`.
   */
  window.sandboxCheck = (call, value, fields) => {
    const wrong = (what) => { throw new TypeError(`${call}: ${what}`); };
    if (problem(value, 'object')) wrong(`takes an object, not ${kindOf(value)}`);
    const { '...': takesOthers, ...tests } = fields;
    const names = Object.keys(tests).map((name) => name.replace('?', ''));
    const other = Object.keys(value).find((name) => !names.includes(name));
    if (other !== undefined && !takesOthers) wrong(`does not know ${other}, only ${names.join(', ')}`);
    for (const [name, test] of Object.entries(tests)) {
      const field = name.replace('?', '');
      if (value[field] === undefined) {
        if (field === name) wrong(`needs ${field}`);
      } else if (Object.getPrototypeOf(test) === Object.prototype) {
        sandboxCheck(`${call} ${field}`, value[field], test);
      } else {
        const what = problem(value[field], test);
        if (what) wrong(`${field} ${what}`);
      }
    }
  };

  /** A test for a list whose items all are among these. */
  window.sandboxListOf = (items) => (value) => problem(value, 'list')
    ?? (value.every((item) => items.includes(item)) ? null : `may only have ${items.join(', ')}`);
}
