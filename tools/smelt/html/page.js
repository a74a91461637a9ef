// SPDX-License-Identifier: MIT
// What the pages of smelt share: the data, and elements of SVG and of HTML.
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const make = (name, attributes = {}, text) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  return element;
};
const html = (name, text, attributes = {}) => {
  const element = document.createElement(name);
  if (text !== undefined) element.textContent = text;
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  return element;
};
