// Package pages serves the two pages one can click on without having an app yet: GraphiQL, which works
// offline, and the demo chat. Both are plain HTML, CSS and JavaScript without a build step, load
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
