// Package pages serves what one can click on without having an app: GraphiQL, which works offline, the demo chat, the mails
// of development, and the pages of links in mails, the only ones of production. All are plain HTML, CSS and JavaScript without a build step, load
// nothing from other hosts, and are served under a content security policy that would not let them.
//
// The pages' own code is in graphiql, demo and shared (what both use: the WebSocket client). The files
// under graphiql/npm are unmodified copies out of npm packages; a test holds them to their digests:
//
//	graphiql 4.1.2    graphiql.min.js, graphiql.min.css     MIT
//	react 18.2.0      umd/react.production.min.js           MIT
//	react-dom 18.2.0  umd/react-dom.production.min.js       MIT
//
// graphiql's two files are bundles. What they contain, and under which licences, is told in
// graphiql/npm/LICENSES.txt, which is served next to them.
package pages
